// Key Vault, which only the network reaches, and the secrets. Roles decide who reads; the containers' identity may read secrets.
param vaultName string
param location string
param readerPrincipalId string
param subnetId string
param zoneId string
param databaseHost string
@secure()
param databasePassword string
@secure()
param tokenSecret string
@secure()
param adminPassword string
@secure()
param airflowPassword string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' = {
  name: vaultName
  location: location
  properties: {
    tenantId: subscription().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    enablePurgeProtection: true
    publicNetworkAccess: 'Disabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
    }
  }
}

module endpoint 'endpoint.bicep' = {
  name: 'vault-endpoint'
  params: {
    name: '${vaultName}-vault'
    location: location
    subnetId: subnetId
    zoneId: zoneId
    targetId: vault.id
    groupId: 'vault'
  }
}

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6'
resource reads 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, readerPrincipalId, secretsUser)
  scope: vault
  properties: {
    principalId: readerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
  }
}

var server = 'londonpump:${databasePassword}@${databaseHost}:5432'
var stored = [
  {
    name: 'database-url'
    value: 'postgresql://${server}/londonpump?sslmode=require'
  }
  {
    name: 'airflow-database-url'
    value: 'postgresql+psycopg2://${server}/airflow?sslmode=require'
  }
  {
    name: 'mlflow-database-url'
    value: 'postgresql+psycopg2://${server}/mlflow?sslmode=require'
  }
  {
    name: 'token-secret'
    value: tokenSecret
  }
  {
    name: 'admin-password'
    value: adminPassword
  }
  {
    name: 'airflow-passwords'
    value: string({ admin: airflowPassword })
  }
]

module secrets 'secret.bicep' = [for each in stored: {
  name: 'secret-${each.name}'
  params: {
    vaultName: vault.name
    name: each.name
    value: each.value
  }
}]

output vaultName string = vault.name
