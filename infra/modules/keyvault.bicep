// Secrets of sources that ask for one. The platform itself needs none: its services have identities.

param location string
param tags object
param keyVaultName string

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: keyVaultName
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
  }
}

output keyVaultName string = vault.name
output keyVaultUri string = vault.properties.vaultUri
