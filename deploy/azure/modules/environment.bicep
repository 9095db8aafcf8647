// The environment in which apps and jobs run, with its logs and the two shares that can be mounted.
param environmentName string
param location string
param subnetId string
param workspaceName string
param accountName string

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: accountName
}

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' = {
  name: environmentName
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
    vnetConfiguration: {
      // False: the service has a public address. MLflow has none, and Airflow only for the addresses that main.bicep names.
      internal: false
      infrastructureSubnetId: subnetId
    }
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
    peerTrafficConfiguration: {
      encryption: {
        enabled: true
      }
    }
  }
}

resource storages 'Microsoft.App/managedEnvironments/storages@2025-07-01' = [for share in ['home', 'runs']: {
  name: share
  parent: environment
  properties: {
    azureFile: {
      accountName: accountName
      accountKey: account.listKeys().keys[0].value
      shareName: share
      accessMode: 'ReadWrite'
    }
  }
}]
