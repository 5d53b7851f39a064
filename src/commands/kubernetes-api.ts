import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { CommandFailed } from '../errors.ts'

export interface ApiAnswer {
  readonly status: number
  readonly body: KubernetesAnswer
}

/** The API server, as the ServiceAccount of this pod. */
export interface KubernetesApi {
  readonly namespace: string
  send(method: 'GET' | 'PATCH', path: string, object?: object): Promise<ApiAnswer>
}

/** What is read of an object or of a `Status`. */
export interface KubernetesAnswer {
  readonly message?: string
  readonly data?: Readonly<Record<string, string>>
}

/** Where Kubernetes mounts it in every pod that asks for it. */
export const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount'
const TIMEOUT_MS = 10_000

/** @throws CommandFailed outside of a pod, or in one without a token */
export async function connectFromPod(
  { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }: NodeJS.ProcessEnv,
  folder: string
): Promise<KubernetesApi> {
  const read = (name: string) => readFile(join(folder, name), 'utf8')
  const files = await Promise.all(['token', 'ca.crt', 'namespace'].map(read)).catch(() => undefined)
  if (files === undefined || !hostname || !port) {
    throw new CommandFailed(
      `This runs in a pod with a ServiceAccount token: ${folder} or KUBERNETES_SERVICE_HOST is missing`
    )
  }
  const [token = '', ca, namespace = ''] = files.map((content) => content.trim())
  return {
    namespace,
    async send(method, path, object) {
      const headers = {
        authorization: `Bearer ${token}`,
        accept: 'application/json',
        ...(object && { 'content-type': 'application/apply-patch+yaml' })
      }
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      try {
        return await new Promise((resolve, reject) => {
          const outgoing = request(
            { hostname, port, ca, method, path, headers, signal },
            (answer) => {
              text(answer).then(
                (body) => resolve({ status: answer.statusCode as number, body: answerFrom(body) }),
                reject
              )
            }
          )
          outgoing.on('error', reject)
          outgoing.end(object && JSON.stringify(object))
        })
      } catch (error) {
        const { code } = error as { code?: string }
        throw new CommandFailed(`The API server at ${hostname}:${port} does not answer: ${code}`)
      }
    }
  }
}

/** A proxy in between may say anything; and what cannot be parsed is not for an error to quote. */
function answerFrom(body: string): KubernetesAnswer {
  try {
    return JSON.parse(body)
  } catch {
    return { message: 'no JSON' }
  }
}
