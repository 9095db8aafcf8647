// PostgreSQL without a public address, and the databases of londonpump, Airflow and MLflow.
param serverName string
param location string
param sku object
param highAvailability string
param backupDays int
param geoRedundantBackup string
@secure()
param password string
param subnetId string
param zoneId string

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: serverName
  location: location
  sku: {
    name: sku.name
    tier: sku.tier
  }
  properties: {
    version: '17'
    administratorLogin: 'londonpump'
    administratorLoginPassword: password
    storage: {
      storageSizeGB: 32
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: backupDays
      geoRedundantBackup: geoRedundantBackup
    }
    highAvailability: {
      mode: highAvailability
    }
    network: {
      publicNetworkAccess: 'Disabled'
      delegatedSubnetResourceId: subnetId
      privateDnsZoneArmResourceId: zoneId
    }
  }
}

// One after the other: the server refuses two changes at once.
@batchSize(1)
resource databases 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = [for database in ['londonpump', 'airflow', 'mlflow']: {
  name: database
  parent: server
  properties: {
    charset: 'UTF8'
  }
}]
