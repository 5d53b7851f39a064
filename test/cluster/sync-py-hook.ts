import { readFileSync } from 'node:fs'
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  type IAMClient,
  PutUserPolicyCommand
} from '@aws-sdk/client-iam'
import fastify from 'fastify'
import type { Test } from 'tap'
import { syncPyUserPolicy } from '../fixtures/sync-py.ts'
import type { Cluster } from './cluster.ts'
import type { KubernetesObject } from './kubernetes.ts'

const RECORDED = new URL(
  '../fixtures/recorded/decorator/syncpy-all-calls-of-a-new-parent.json',
  import.meta.url
)
/** The namespace in the recording. */
const RECORDED_NAMESPACE = 'team-old'

interface Call {
  readonly object: KubernetesObject
  readonly attachments: { readonly 'Secret.v1': Record<string, KubernetesObject> }
}

/** What KFP's sync.py does to the store, and its recorded answer with a key that works. Gives its address. */
export async function startSyncPy(
  t: Test,
  { listen, call }: Cluster['thisMachine'],
  iam: IAMClient,
  bucket: string
): Promise<string> {
  const server = fastify({ bodyLimit: 2 ** 25 })
  server.post<{ Body: Call }>('/sync', async ({ body: { object, attachments } }) => {
    const namespace = object.metadata.name
    const [observed] = Object.values(attachments['Secret.v1'])
    return answerFor(namespace, observed?.data ?? (await drawnKey(iam, bucket, namespace)))
  })
  t.teardown(() => server.close())
  const { port } = new URL(await server.listen({ host: listen, port: 0 }))
  return `http://${call}:${port}`
}

async function drawnKey(iam: IAMClient, bucket: string, UserName: string) {
  await iam.send(new CreateUserCommand({ UserName }))
  const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName }))
  const PolicyDocument = JSON.stringify(syncPyUserPolicy(bucket, UserName))
  const PolicyName = `KubeflowProject${UserName}`
  await iam.send(new PutUserPolicyCommand({ UserName, PolicyName, PolicyDocument }))
  const base64 = (text = '') => Buffer.from(text).toString('base64')
  return {
    accesskey: base64(AccessKey?.AccessKeyId),
    secretkey: base64(AccessKey?.SecretAccessKey)
  }
}

function answerFor(namespace: string, data: Record<string, string>) {
  const { calls } = JSON.parse(
    readFileSync(RECORDED, 'utf8').replaceAll(RECORDED_NAMESPACE, namespace)
  )
  const { status, attachments } = calls[0].response
  const withKey = attachments.map((one: KubernetesObject) =>
    one.kind === 'Secret' ? { ...one, data } : one
  )
  return { status, attachments: withKey }
}
