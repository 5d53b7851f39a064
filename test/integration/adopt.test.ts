import t from 'tap'
import { VERSIONS } from '../../dev/seaweedfs.ts'
import { clusterView, s3Client } from '../fixtures/cluster-view.ts'
import { runCommand } from '../fixtures/command.ts'
import { clusterOf, kubectlList } from '../fixtures/kubectl.ts'
import { realSeaweedFs } from '../fixtures/real-seaweedfs.ts'
import { get, put, rootOf, startService } from '../fixtures/real-service.ts'

const LONG = `team-${'n'.repeat(58)}`

for (const version of VERSIONS) {
  t.test(`a cluster is built anew before SeaweedFS ${version}`, async (t) => {
    const seaweedFs = await realSeaweedFs(t, { version })
    if (seaweedFs === undefined) return
    const service = await startService(t, seaweedFs, seaweedFs.iamEndpoint, 'per-profile')
    for (const name of ['team-a', LONG, 'team-gone', 'team-empty']) {
      const before = clusterView(service.url, name, `uid-of-${name}-in-the-old-cluster`)
      t.equal((await before.sync()).status, 200)
      if (name === 'team-empty') continue
      const { bucket, prefix } = rootOf(before)
      await put(s3Client(seaweedFs.s3Endpoint, before.accessKey), bucket, `${prefix}model`)
    }

    const list = kubectlList(clusterOf('team-a', LONG, 'team-empty').filter(isNamespace))
    const { code, stdout, stderr } = await runCommand(seaweedFs, ['adopt'], list)
    t.equal(code, 0)
    t.equal(stderr, '2 to give back, 2 to decide about\n')
    t.match(stdout, /^# .* team-gone .*; there is no such profile$/m)
    t.match(stdout, /^# .* team-empty .* # no objects; nothing to have back$/m)

    for (const name of ['team-a', LONG]) {
      const after = clusterView(service.url, name, `profile-uid-of-${name}`)
      after.annotations = annotationsFor(name)
      t.equal((await after.sync()).status, 200)
      const { bucket, prefix } = rootOf(after)
      t.same(Object.values(annotationsFor(name)), [bucket])
      const client = s3Client(seaweedFs.s3Endpoint, after.accessKey)
      await t.resolves(get(client, bucket, `${prefix}model`), 'the data is back')
    }

    // Once annotated, nothing of it is left to adopt, and nothing to sweep.
    const annotated = clusterOf('team-a', LONG).map((parent) => ({
      ...parent,
      metadata: { ...parent.metadata, annotations: annotationsFor(parent.metadata.name) }
    }))
    const again = await runCommand(seaweedFs, ['adopt'], kubectlList(annotated.filter(isNamespace)))
    t.equal(again.stderr, '0 to give back, 2 to decide about\n')
    const swept = await runCommand(seaweedFs, ['sweep'], kubectlList(annotated))
    t.notMatch(swept.stdout, /profile-team-a|profile-team-n/)
    t.match(swept.stdout, /\n2 to disable, 2 kept\.\n/)

    /** What the script says to annotate. */
    function annotationsFor(name: string): Record<string, string> {
      const line = new RegExp(`^kubectl annotate namespace ${name} (\\S+)=(\\S+) # 1 object, `, 'm')
      const [, annotation, bucket] = line.exec(stdout) ?? []
      return annotation && bucket ? { [annotation]: bucket } : {}
    }
  })
}

function isNamespace({ kind }: { kind: string }): boolean {
  return kind === 'Namespace'
}
