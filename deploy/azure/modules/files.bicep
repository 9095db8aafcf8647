// Two shares: the home of londonpump (records, data, bundles) and the runs of MLflow. Only the network reaches them.
param accountName string
param location string
param sku string
param subnetId string
param zoneId string

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  name: accountName
  location: location
  sku: {
    name: sku
  }
  kind: 'StorageV2'
  properties: {
    allowBlobPublicAccess: false
    // Container Apps mounts a share with the key of the account; there is no other way for SMB.
    allowSharedKeyAccess: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Disabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
    }
  }
}

resource service 'Microsoft.Storage/storageAccounts/fileServices@2025-08-01' = {
  name: 'default'
  parent: account
  properties: {
    // A share that was deleted by mistake can be restored for a week.
    shareDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource shares 'Microsoft.Storage/storageAccounts/fileServices/shares@2025-08-01' = [for share in ['home', 'runs']: {
  name: share
  parent: service
  properties: {
    shareQuota: 100
  }
}]

module endpoint 'endpoint.bicep' = {
  name: 'files-endpoint'
  params: {
    name: '${accountName}-file'
    location: location
    subnetId: subnetId
    zoneId: zoneId
    targetId: account.id
    groupId: 'file'
  }
}

output accountName string = account.name
