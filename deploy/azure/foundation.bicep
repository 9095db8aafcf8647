// What a resource group needs before londonpump can run in it: registry, network, database, vault, files, logs, environment.
// An administrator deploys it, because it assigns roles. Each run writes the secrets given to it: a run with new ones rotates them.
// NEVER COMPILED HERE: see docs/how-to/deploy-on-azure.md.

@description('Short name of the installation: 2 to 10 small letters, such as lptest.')
@minLength(2)
@maxLength(10)
param name string
param location string = resourceGroup().location

@description('SKU of PostgreSQL, such as { name: \'Standard_B1ms\', tier: \'Burstable\' }.')
param databaseSku object
@allowed(['Disabled', 'SameZone', 'ZoneRedundant'])
param databaseHighAvailability string
param databaseBackupDays int
@allowed(['Disabled', 'Enabled'])
param databaseGeoRedundantBackup string
@description('Redundancy of the files: Standard_LRS, or Standard_ZRS in a region that has zones.')
param storageSku string

@description('Amount per month, in the currency of the subscription, at whose 80 and 100 % the contacts get an e-mail.')
param monthlyBudget int
param budgetContacts array
@description('First day of a month; Azure does not let it be changed later.')
param budgetStart string

@secure()
@minLength(16)
param databasePassword string
@secure()
@minLength(32)
param tokenSecret string
@secure()
@minLength(12)
param adminPassword string
@secure()
@minLength(12)
param airflowPassword string

var suffix = uniqueString(resourceGroup().id)

// The one identity of all containers: it pulls images and reads secrets, nothing else.
resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-containers'
  location: location
}

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: '${name}-logs'
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: 30
    // A loop of errors must not cost more than the rest; ingestion stops for the day at this size.
    workspaceCapping: {
      dailyQuotaGb: 1
    }
  }
}

// A private endpoint needs the Premium SKU, at ten times the price; nobody enters without a role, and there is no admin user.
resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' = {
  name: '${name}${suffix}'
  location: location
  sku: {
    name: 'Basic'
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
  }
}

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
resource pulls 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identity.id, acrPull)
  scope: registry
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
  }
}

module network 'modules/network.bicep' = {
  name: 'network'
  params: {
    name: name
    location: location
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  params: {
    serverName: '${name}-${suffix}'
    location: location
    sku: databaseSku
    highAvailability: databaseHighAvailability
    backupDays: databaseBackupDays
    geoRedundantBackup: databaseGeoRedundantBackup
    password: databasePassword
    subnetId: network.outputs.databaseSubnetId
    zoneId: network.outputs.databaseZoneId
  }
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  params: {
    vaultName: '${name}-${suffix}'
    location: location
    readerPrincipalId: identity.properties.principalId
    subnetId: network.outputs.endpointSubnetId
    zoneId: network.outputs.vaultZoneId
    databaseHost: '${name}-${suffix}.postgres.database.azure.com'
    databasePassword: databasePassword
    tokenSecret: tokenSecret
    adminPassword: adminPassword
    airflowPassword: airflowPassword
  }
}

module files 'modules/files.bicep' = {
  name: 'files'
  params: {
    accountName: '${name}${suffix}'
    location: location
    sku: storageSku
    subnetId: network.outputs.endpointSubnetId
    zoneId: network.outputs.filesZoneId
  }
}

module environment 'modules/environment.bicep' = {
  name: 'environment'
  params: {
    environmentName: '${name}-environment'
    location: location
    subnetId: network.outputs.appsSubnetId
    workspaceName: logs.name
    accountName: files.outputs.accountName
  }
}

resource budget 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: '${name}-budget'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetStart
    }
    notifications: {
      most: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 80
        contactEmails: budgetContacts
      }
      all: {
        enabled: true
        operator: 'GreaterThan'
        threshold: 100
        contactEmails: budgetContacts
      }
    }
  }
}

output registryName string = registry.name
output vaultName string = vault.outputs.vaultName
