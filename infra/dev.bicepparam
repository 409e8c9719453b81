using 'main.bicep'

// Names that are unique in all of Azure need others than those of prod. The factory's linked services and the bundle are
// told of them when they are deployed (docs/setup.md).
param environment = 'dev'
param location = 'westeurope'
param resourceGroupName = 'cm_netflix_project_dev'
param storageAccountName = 'cmnetflixprojectdldev'
param factoryName = 'cm-adf-netflixproject-dev'
param workspaceName = 'cm-dbw-netflixproject-dev'
param keyVaultName = 'cm-kv-netflixproject-dev'
param storageSku = 'Standard_LRS'
param softDeleteDays = 7
