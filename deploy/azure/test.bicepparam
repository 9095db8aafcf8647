using 'main.bicep'

param name = 'lptest'
param imageTag = readEnvironmentVariable('IMAGE_TAG')
param minReplicas = 1
param maxReplicas = 2
param exampleIncidents = 20000
