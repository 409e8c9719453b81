using 'main.bicep'

param environment = 'prod'
param location = 'westeurope'
param storageSku = 'Standard_ZRS'
param softDeleteDays = 30
