// The data factory with its own identity. Its pipelines are published from adf/ (docs/setup.md).

param location string
param tags object
param factoryName string

resource factory 'Microsoft.DataFactory/factories@2018-06-01' = {
  name: factoryName
  location: location
  tags: tags
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publicNetworkAccess: 'Enabled'
  }
}

output factoryName string = factory.name
output principalId string = factory.identity.principalId
