// One job: a script in the worker's image, on a schedule, or by hand if `cron` is empty.
param name string
param location string
param environmentId string
param identityId string
param registryServer string
param vaultUri string
param image string
param cron string
param timeoutSeconds int
param retries int
param script string
param env array
param secretNames array
param volumes array
param volumeMounts array

resource job 'Microsoft.App/jobs@2025-07-01' = {
  name: name
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: empty(cron) ? 'Manual' : 'Schedule'
      manualTriggerConfig: empty(cron) ? {
        parallelism: 1
        replicaCompletionCount: 1
      } : null
      scheduleTriggerConfig: empty(cron) ? null : {
        cronExpression: cron
        parallelism: 1
        replicaCompletionCount: 1
      }
      replicaTimeout: timeoutSeconds
      replicaRetryLimit: retries
      registries: [
        {
          server: registryServer
          identity: identityId
        }
      ]
      secrets: [for secret in secretNames: {
        name: secret
        identity: identityId
        keyVaultUrl: '${vaultUri}secrets/${secret}'
      }]
    }
    template: {
      containers: [
        {
          name: 'worker'
          image: image
          command: ['sh', '-c']
          // The ledger names the execution as the run that a decision was part of.
          args: ['export LONDONPUMP_RUN="azure \${CONTAINER_APP_JOB_EXECUTION_NAME:-${name}}"\n${script}']
          resources: {
            cpu: json('2.0')
            memory: '4Gi'
          }
          env: env
          volumeMounts: volumeMounts
        }
      ]
      volumes: volumes
    }
  }
}
