// One secret of the vault. By hand it adds the key of a publisher: see docs/how-to/deploy-on-azure.md.
param vaultName string
param name string
@secure()
param value string

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2025-05-01' = {
  name: name
  parent: vault
  properties: {
    value: value
    contentType: 'text/plain'
  }
}
