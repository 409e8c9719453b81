// Who may do what, by managed identity.

param storageAccountName string
param keyVaultName string
param workspaceName string
param factoryPrincipalId string
param accessConnectorPrincipalId string
param dataEngineerObjectIds array

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles
var roleIds = {
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
}

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' existing = {
  name: storageAccountName
}

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' existing = {
  name: keyVaultName
}

resource workspace 'Microsoft.Databricks/workspaces@2024-05-01' existing = {
  name: workspaceName
}

// The factory writes to raw and reads the list of sources.
resource factoryOnLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, factoryPrincipalId, roleIds.storageBlobDataContributor)
  scope: account
  properties: {
    principalId: factoryPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataContributor)
  }
}

// The factory starts the job.
resource factoryOnWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, factoryPrincipalId, roleIds.contributor)
  scope: workspace
  properties: {
    principalId: factoryPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.contributor)
  }
}

resource factoryOnVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, factoryPrincipalId, roleIds.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: factoryPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.keyVaultSecretsUser)
  }
}

// Unity Catalog reads raw and keeps the tables of the other containers.
resource connectorOnLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(account.id, accessConnectorPrincipalId, roleIds.storageBlobDataContributor)
  scope: account
  properties: {
    principalId: accessConnectorPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataContributor)
  }
}

resource engineersOnLake 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for objectId in dataEngineerObjectIds: {
    name: guid(account.id, objectId, roleIds.storageBlobDataContributor)
    scope: account
    properties: {
      principalId: objectId
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds.storageBlobDataContributor)
    }
  }
]
