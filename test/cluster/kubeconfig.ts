import { parse } from 'yaml'

/** The same cluster, as whoever has the token. JSON is YAML. */
export function withToken(kubeconfig: string, token: string): string {
  const { users, ...rest } = parse(kubeconfig)
  const renamed = users.map(({ name }: { name: string }) => ({ name, user: { token } }))
  return JSON.stringify({ ...rest, users: renamed })
}
