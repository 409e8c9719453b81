using 'main.bicep'

// Names that are unique in all of Azure need others than those of prod. The target dev of databricks/databricks.yml and
// factory.dev.parameters.json repeat them (docs/setup.md).
param environment = 'dev'
param location = 'westeurope'
param resourceGroupName = 'cm_netflix_project_dev'
param storageAccountName = 'cmnetflixprojectdldev'
param factoryName = 'cm-adf-netflixproject-dev'
param workspaceName = 'cm-dbw-netflixproject-dev'
param keyVaultName = 'cm-kv-netflixproject-dev'
param storageSku = 'Standard_LRS'
param softDeleteDays = 7
