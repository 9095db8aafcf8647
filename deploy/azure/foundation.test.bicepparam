using 'foundation.bicep'

param name = 'lptest'
param databaseSku = {
  name: 'Standard_B1ms'
  tier: 'Burstable'
}
param databaseHighAvailability = 'Disabled'
param databaseBackupDays = 7
param databaseGeoRedundantBackup = 'Disabled'
param storageSku = 'Standard_LRS'
param monthlyBudget = 250
param budgetContacts = [readEnvironmentVariable('BUDGET_CONTACT')]
param budgetStart = '2026-12-01'

param databasePassword = readEnvironmentVariable('DATABASE_PASSWORD')
param tokenSecret = readEnvironmentVariable('TOKEN_SECRET')
param adminPassword = readEnvironmentVariable('ADMIN_PASSWORD')
param airflowPassword = readEnvironmentVariable('AIRFLOW_PASSWORD')
