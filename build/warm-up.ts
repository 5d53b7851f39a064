import { setTimeout as pause } from 'node:timers/promises'

/**
 * Starts the service once, without a store, so that NODE_COMPILE_CACHE gets all that Node compiles for it, and ends it.
 */
const NOBODY = 'http://127.0.0.1:9'
const LONG_ENOUGH_MS = 1_500

Object.assign(process.env, {
  HOST: '127.0.0.1',
  PORT: '0',
  LOG_LEVEL: 'fatal',
  HOOK_TOKEN: 'nobody-calls-while-the-cache-is-filled',
  CREDENTIAL_ROOT_KEY: 'nobody-gets-a-key-while-the-cache-is-filled',
  AWS_ENDPOINT_URL_S3: NOBODY,
  AWS_ACCESS_KEY_ID: 'nobody',
  AWS_ENDPOINT_URL_IAM: NOBODY,
  AWS_SECRET_ACCESS_KEY: 'nothing'
})
await import('../src/main.ts')
// Without a store nobody gets as far as that.
await import('../src/object-store/grpc-library.ts')
await import('../src/object-store/iam-api.ts')
await pause(LONG_ENOUGH_MS)
process.kill(process.pid, 'SIGTERM')
