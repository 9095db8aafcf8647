// One virtual network: containers, PostgreSQL and the private endpoints of vault and files, with the names that resolve in it.
param name string
param location string

resource network 'Microsoft.Network/virtualNetworks@2025-07-01' = {
  name: '${name}-network'
  location: location
  properties: {
    addressSpace: {
      addressPrefixes: ['10.40.0.0/22']
    }
    // Subnets are written here, not as resources of their own: a deployment of the network would remove those.
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: '10.40.0.0/24'
          delegations: [
            {
              name: 'apps'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'database'
        properties: {
          addressPrefix: '10.40.1.0/28'
          delegations: [
            {
              name: 'database'
              properties: {
                serviceName: 'Microsoft.DBforPostgreSQL/flexibleServers'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.40.2.0/28'
        }
      }
    ]
  }
}

var zoneNames = [
  '${name}.private.postgres.database.azure.com'
  'privatelink.vaultcore.azure.net'
  'privatelink.file.${az.environment().suffixes.storage}'
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zone in zoneNames: {
  name: zone
  location: 'global'
}]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zone, index) in zoneNames: {
  name: '${name}-network'
  parent: zones[index]
  location: 'global'
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: network.id
    }
  }
}]

output appsSubnetId string = '${network.id}/subnets/apps'
output databaseSubnetId string = '${network.id}/subnets/database'
output endpointSubnetId string = '${network.id}/subnets/endpoints'
output databaseZoneId string = zones[0].id
output vaultZoneId string = zones[1].id
output filesZoneId string = zones[2].id
