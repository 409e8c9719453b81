// What the Netflix data platform stands on, in one resource group. Deployed at subscription scope:
//   az deployment sub create --location westeurope --template-file infra/main.bicep --parameters infra/prod.bicepparam
targetScope = 'subscription'

@description('Where everything lies.')
param location string = 'westeurope'

@description('dev or prod; a tag of every resource.')
@allowed(['dev', 'prod'])
param environment string = 'prod'

@description('Name of the resource group.')
param resourceGroupName string = 'cm_netflix_project'

@description('Name of the ADLS Gen2 account; unique in all of Azure.')
@minLength(3)
@maxLength(24)
param storageAccountName string = 'cmnetflixprojectdl'

@description('Name of the data factory; unique in all of Azure.')
param factoryName string = 'cm-adf-netflixproject'

@description('Name of the Databricks workspace.')
param workspaceName string = 'cm-dbw-netflixproject'

@description('Name of the Key Vault; unique in all of Azure.')
@maxLength(24)
param keyVaultName string = 'cm-kv-netflixproject'

@description('How copies of the lake are kept.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS'])
param storageSku string = 'Standard_ZRS'

@description('Days that deleted files of the lake can be brought back.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 14

@description('Object ids of the people who may read and write the lake. Empty: nobody but the services.')
param dataEngineerObjectIds array = []

var tags = {
  project: 'netflix'
  environment: environment
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: resourceGroupName
  location: location
  tags: tags
}

module lake 'modules/storage.bicep' = {
  name: 'lake'
  scope: group
  params: {
    location: location
    tags: tags
    storageAccountName: storageAccountName
    storageSku: storageSku
    softDeleteDays: softDeleteDays
  }
}

module vault 'modules/keyvault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    location: location
    tags: tags
    keyVaultName: keyVaultName
  }
}

module factory 'modules/factory.bicep' = {
  name: 'factory'
  scope: group
  params: {
    location: location
    tags: tags
    factoryName: factoryName
  }
}

module databricks 'modules/databricks.bicep' = {
  name: 'databricks'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: workspaceName
  }
}

module roles 'modules/roles.bicep' = {
  name: 'roles'
  scope: group
  params: {
    storageAccountName: lake.outputs.storageAccountName
    keyVaultName: vault.outputs.keyVaultName
    workspaceName: databricks.outputs.workspaceName
    factoryPrincipalId: factory.outputs.principalId
    accessConnectorPrincipalId: databricks.outputs.accessConnectorPrincipalId
    dataEngineerObjectIds: dataEngineerObjectIds
  }
}

module events 'modules/events.bicep' = {
  name: 'events'
  scope: group
  params: {
    location: location
    tags: tags
    storageAccountName: lake.outputs.storageAccountName
  }
}

output storageAccountName string = lake.outputs.storageAccountName
output factoryName string = factory.outputs.factoryName
output workspaceUrl string = databricks.outputs.workspaceUrl
output workspaceResourceId string = databricks.outputs.workspaceResourceId
output accessConnectorId string = databricks.outputs.accessConnectorId
output keyVaultUri string = vault.outputs.keyVaultUri
