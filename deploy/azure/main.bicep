// londonpump itself, in what foundation.bicep has made: service, MLflow and Airflow, and the jobs. A release deploys this file with a
// new imageTag; to roll back, deploy it with the former one. The role Contributor is enough.
// NEVER COMPILED HERE: see docs/how-to/deploy-on-azure.md.

@description('As in foundation.bicep.')
param name string
param location string = resourceGroup().location
@description('Tag of the four images in the registry, such as a commit hash.')
param imageTag string
param minReplicas int
param maxReplicas int
@description('Address ranges that reach the page of Airflow, such as 203.0.113.7/32. Empty: nobody.')
param operatorAddresses array = []
@description('Secrets of the vault that not every installation has: tomtom-key, visual-crossing-key, alarm-webhook.')
param optionalSecrets array = []
@description('Further settings by name, for every container of londonpump. Not for secrets.')
param settings object = {}
@description('Number of incidents of the simulated Brigade on which the job init trains the first model.')
param exampleIncidents int = 110000

var suffix = uniqueString(resourceGroup().id)
var userId = '10001' // of the images
var mounted = '/mnt/secrets'
// Known before the deployment starts, as the loops below require.
var vaultUri = 'https://${name}-${suffix}${az.environment().suffixes.keyvaultDns}/'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: '${name}-containers'
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-11-01' existing = {
  name: '${name}${suffix}'
}

resource environment 'Microsoft.App/managedEnvironments@2025-07-01' existing = {
  name: '${name}-environment'
}

var images = '${registry.properties.loginServer}/londonpump'
var registries = [
  {
    server: registry.properties.loginServer
    identity: identity.id
  }
]

var fileSettings = {
  'tomtom-key': 'LONDONPUMP_TOMTOM_KEY_FILE'
  'visual-crossing-key': 'LONDONPUMP_VISUAL_CROSSING_KEY_FILE'
  'alarm-webhook': 'LONDONPUMP_ALARM_WEBHOOK_FILE'
}
var optionalSettings = [for secret in optionalSecrets: {
  name: fileSettings[secret]
  value: '${mounted}/${secret}'
}]
var furtherSettings = [for setting in items(settings): {
  name: setting.key
  value: string(setting.value)
}]
var ownSettings = concat([
  {
    name: 'LONDONPUMP_HOME'
    value: '/var/lib/londonpump'
  }
  {
    name: 'LONDONPUMP_LOG_FORMAT'
    value: 'json'
  }
  {
    name: 'LONDONPUMP_DATABASE_URL_FILE'
    value: '${mounted}/database-url'
  }
  {
    name: 'LONDONPUMP_SECRET_FILE'
    value: '${mounted}/token-secret'
  }
  {
    name: 'LONDONPUMP_MLFLOW_URL'
    value: 'http://${mlflow.name}:5000'
  }
  {
    name: 'LONDONPUMP_DATABASE_PATIENCE_MS'
    value: '1000'
  }
], optionalSettings, furtherSettings)

var ownSecretNames = concat(['database-url', 'token-secret'], optionalSecrets)
var ownSecrets = [for secret in ownSecretNames: {
  name: secret
  identity: identity.id
  keyVaultUrl: '${vaultUri}secrets/${secret}'
}]

// SMB knows no Unix modes and owners: every file belongs to the user of the images. mfsymlinks: `prepare` makes links.
var homeVolume = {
  name: 'home'
  storageType: 'AzureFile'
  storageName: 'home'
  mountOptions: 'uid=${userId},gid=${userId},dir_mode=0700,file_mode=0600,mfsymlinks'
}
var secretsVolume = {
  name: 'secrets'
  storageType: 'Secret' // all secrets of the app, a file each
}
var ownMounts = [
  {
    volumeName: 'home'
    mountPath: '/var/lib/londonpump'
  }
  {
    volumeName: 'secrets'
    mountPath: mounted
  }
]

resource service 'Microsoft.App/containerApps@2025-07-01' = {
  name: '${name}-service'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      // A new revision gets the traffic when it is ready, and only then is the former one drained.
      activeRevisionsMode: 'Single'
      registries: registries
      secrets: ownSecrets
      ingress: {
        external: true
        targetPort: 8000
        transport: 'http'
        allowInsecure: false
      }
    }
    template: {
      // Longer than the drain and the 10 s that requests in progress have.
      terminationGracePeriodSeconds: 40
      containers: [
        {
          name: 'service'
          image: '${images}-service:${imageTag}'
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          env: concat(ownSettings, [
            {
              name: 'LONDONPUMP_PROXIES' // the ingress
              value: '1'
            }
            {
              name: 'LONDONPUMP_DRAIN_S'
              value: '10'
            }
          ])
          volumeMounts: ownMounts
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/livez'
                port: 8000
              }
              periodSeconds: 2
              failureThreshold: 30
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/livez'
                port: 8000
              }
              periodSeconds: 10
              timeoutSeconds: 3
            }
            {
              type: 'Readiness'
              httpGet: {
                path: '/readyz'
                port: 8000
              }
              periodSeconds: 2
              timeoutSeconds: 3
              failureThreshold: 2
            }
          ]
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: '20'
              }
            }
          }
        ]
      }
      volumes: [homeVolume, secretsVolume]
    }
  }
}

// Inside the environment only, at the port of the stack: it has no accounts.
resource mlflow 'Microsoft.App/containerApps@2025-07-01' = {
  name: '${name}-mlflow'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      registries: registries
      secrets: [
        {
          name: 'mlflow-database-url'
          identity: identity.id
          keyVaultUrl: '${vaultUri}secrets/mlflow-database-url'
        }
      ]
      ingress: {
        external: false
        targetPort: 5000
        exposedPort: 5000
        transport: 'tcp'
      }
    }
    template: {
      containers: [
        {
          name: 'mlflow'
          image: '${images}-mlflow:${imageTag}'
          command: ['sh', '-c']
          // The address holds a password, so it comes from the secret's file instead of the environment.
          args: ['MLFLOW_BACKEND_STORE_URI="$(cat ${mounted}/mlflow-database-url)" exec mlflow server --host 0.0.0.0 --port 5000 --workers 1 --artifacts-destination /var/lib/mlflow/artifacts --allowed-hosts "${name}-mlflow:5000,localhost:*,127.0.0.1:*"']
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
          volumeMounts: [
            {
              volumeName: 'runs'
              mountPath: '/var/lib/mlflow'
            }
            {
              volumeName: 'secrets'
              mountPath: mounted
            }
          ]
        }
      ]
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
      volumes: [
        {
          name: 'runs'
          storageType: 'AzureFile'
          storageName: 'runs'
          mountOptions: 'uid=${userId},gid=${userId},dir_mode=0700,file_mode=0600'
        }
        secretsVolume
      ]
    }
  }
}

// Airflow's page, from which trainings and decisions are started by hand. Its DAGs are paused when they are new: leave them so,
// because the jobs below keep the schedule.
resource airflow 'Microsoft.App/containerApps@2025-07-01' = {
  name: '${name}-airflow'
  location: location
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environment.id
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      registries: registries
      secrets: concat(ownSecrets, [
        {
          name: 'airflow-database-url'
          identity: identity.id
          keyVaultUrl: '${vaultUri}secrets/airflow-database-url'
        }
        {
          name: 'airflow-passwords'
          identity: identity.id
          keyVaultUrl: '${vaultUri}secrets/airflow-passwords'
        }
      ])
      ingress: {
        external: !empty(operatorAddresses)
        targetPort: 8080
        transport: 'http'
        allowInsecure: false
        ipSecurityRestrictions: [for (address, index) in operatorAddresses: {
          name: 'operators-${index}'
          action: 'Allow'
          ipAddressRange: address
        }]
      }
    }
    template: {
      containers: [
        {
          name: 'airflow'
          image: '${images}-airflow:${imageTag}'
          command: ['sh', '-c']
          // Airflow opens the file of passwords for writing, which a mounted secret refuses.
          args: ['umask 077; cat ${mounted}/airflow-passwords > /tmp/airflow-passwords; exec airflow standalone']
          resources: {
            cpu: json('1.0')
            memory: '2Gi'
          }
          env: concat(ownSettings, [
            {
              name: 'AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD'
              value: 'cat ${mounted}/airflow-database-url'
            }
            {
              name: 'AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS'
              value: 'admin:admin'
            }
            {
              name: 'AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE'
              value: '/tmp/airflow-passwords'
            }
            {
              name: 'AIRFLOW__CORE__PARALLELISM'
              value: '2'
            }
            {
              name: 'AIRFLOW__API__WORKERS'
              value: '1'
            }
            {
              name: 'AIRFLOW__CORE__EXECUTION_API_SERVER_URL'
              value: 'http://127.0.0.1:8080/execution/'
            }
          ])
          volumeMounts: ownMounts
        }
      ]
      // Its scheduler must run once, and always.
      scale: {
        minReplicas: 1
        maxReplicas: 1
      }
      volumes: [homeVolume, secretsVolume]
    }
  }
}

// The crontab of docs/how-to/run-on-a-schedule.md, which a test compares. Azure counts in UTC: an hour later in summer.
var jobs = [
  {
    name: 'migrate'
    cron: ''
    minutes: 30
    retries: 0
    // without the option it would also contract, under replicas that then could not go on: the runbook says when that is wanted
    script: 'londonpump db upgrade --expand-only'
  }
  {
    name: 'init'
    cron: ''
    minutes: 120
    retries: 0
    script: loadTextContent('../init.sh')
  }
  {
    // Started after a release: it gives the account `smoke` a random password and asks the service for a prediction.
    name: 'smoke'
    cron: ''
    minutes: 10
    retries: 0
    script: 'set -- --new-password "$SERVICE_URL"\n${loadTextContent('../smoke.sh')}'
  }
  {
    name: 'train'
    cron: '0 2 15 * *'
    minutes: 480
    retries: 0
    script: 'londonpump fetch records && londonpump prepare --context && londonpump train && londonpump evaluate && londonpump challenge'
  }
  {
    name: 'challenge'
    cron: '0 0 16 * *'
    minutes: 60
    retries: 0
    script: 'londonpump challenge'
  }
  {
    name: 'refresh'
    cron: '5 * * * *'
    minutes: 12
    retries: 2
    script: 'londonpump refresh context'
  }
  {
    name: 'monitor'
    cron: '30 6 * * *'
    minutes: 60
    retries: 0
    script: 'londonpump monitor'
  }
]

module run 'modules/job.bicep' = [for job in jobs: {
  name: 'job-${job.name}'
  params: {
    name: '${name}-${job.name}'
    location: location
    environmentId: environment.id
    identityId: identity.id
    registryServer: registry.properties.loginServer
    vaultUri: vaultUri
    image: '${images}-worker:${imageTag}'
    cron: job.cron
    timeoutSeconds: job.minutes * 60
    retries: job.retries
    script: job.script
    env: concat(ownSettings, [
      {
        name: 'EXAMPLE_INCIDENTS'
        value: string(exampleIncidents)
      }
      {
        name: 'ADMIN_PASSWORD_FILE'
        value: '${mounted}/admin-password'
      }
      {
        name: 'SERVICE_URL'
        value: 'https://${service.properties.configuration.ingress.fqdn}'
      }
    ])
    secretNames: job.name == 'init' ? concat(ownSecretNames, ['admin-password']) : ownSecretNames
    volumes: [homeVolume, secretsVolume]
    volumeMounts: ownMounts
  }
}]

output serviceUrl string = 'https://${service.properties.configuration.ingress.fqdn}'
output airflowUrl string = 'https://${airflow.properties.configuration.ingress.fqdn}'
