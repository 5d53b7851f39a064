import { CreateAccessKeyCommand } from '@aws-sdk/client-iam'
import type { AccessKey } from '../desired/credentials.ts'

// biome-ignore lint/suspicious/noExplicitAny: the SDK's middleware types differ for each command
type Handler = (args: any) => Promise<any>

/**
 * SeaweedFS takes the pair from the caller since 4.22; the SDK drops fields that AWS does not know, so
 * they are added to the form before it is signed.
 * @see https://github.com/seaweedfs/seaweedfs/pull/9172
 */
export function suppliedAccessKeyCommand(
  user: string,
  accessKey: AccessKey
): CreateAccessKeyCommand {
  const command = new CreateAccessKeyCommand({ UserName: user })
  command.middlewareStack.addRelativeTo(
    (next: Handler) => (args: { request?: unknown }) => {
      const request = args.request as { body: string }
      const { accessKeyId, secretAccessKey } = accessKey
      const fields = { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey }
      request.body += `&${new URLSearchParams(fields)}`
      return next(args)
    },
    { relation: 'after', toMiddleware: 'serializerMiddleware', name: 'suppliedAccessKey' }
  )
  return command
}
