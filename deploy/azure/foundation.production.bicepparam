using 'foundation.bicep'

param name = 'lpprod'
param databaseSku = {
  name: 'Standard_D2ds_v5'
  tier: 'GeneralPurpose'
}
param databaseHighAvailability = 'ZoneRedundant'
param databaseBackupDays = 35
param databaseGeoRedundantBackup = 'Enabled'
param storageSku = 'Standard_ZRS'
param monthlyBudget = 900
param budgetContacts = [readEnvironmentVariable('BUDGET_CONTACT')]
param budgetStart = '2026-12-01'

param databasePassword = readEnvironmentVariable('DATABASE_PASSWORD')
param tokenSecret = readEnvironmentVariable('TOKEN_SECRET')
param adminPassword = readEnvironmentVariable('ADMIN_PASSWORD')
param airflowPassword = readEnvironmentVariable('AIRFLOW_PASSWORD')
