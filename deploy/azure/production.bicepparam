using 'main.bicep'

param name = 'lpprod'
param imageTag = readEnvironmentVariable('IMAGE_TAG')
// Two from the start: one answers while the other is replaced.
param minReplicas = 2
param maxReplicas = 4
