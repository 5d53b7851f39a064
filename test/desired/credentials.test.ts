import t from 'tap'
import {
  accessKeyFor,
  type CredentialsState,
  digestOf,
  epochInForce,
  epochOf,
  epochOfPair,
  sealFor,
  secretDigestOf,
  standingOf
} from '../../src/desired/credentials.ts'
import { ROOT_KEY } from '../fixtures/builders.ts'

const ROOT = Buffer.from(ROOT_KEY)
const OTHER_ROOT = Buffer.from('another-root-key-of-the-tests-32-bytes')
const USER = 'profile-team-a-01234567'
const EPOCH = 1_700_000_000
const MAX_EPOCH = 32 ** 7 - 1

/** The text with one character exchanged for another of the alphabet. */
function edited(text: string, index: number): string {
  const other = text[index] === 'A' ? 'B' : 'A'
  return text.slice(0, index) + other + text.slice(index + 1)
}

t.test('what was derived is remembered, and forgotten before it is too much', async (t) => {
  const own = Buffer.from(ROOT_KEY)
  const before = accessKeyFor(own, USER, EPOCH)
  t.same(accessKeyFor(own, USER, EPOCH), before)
  for (let epoch = 0; epoch < 25_000; epoch++) accessKeyFor(own, USER, epoch)
  t.same(accessKeyFor(own, USER, EPOCH), before)
})

t.test('accessKeyFor', async (t) => {
  // Computed once by another HKDF. If one of these changes, every key in every cluster does.
  const vectors: [user: string, epoch: number, accessKeyId: string, secretAccessKey: string][] = [
    [USER, 0, 'KFPAAAAAAAWMKTBD5L2G', 'S6XT2UMNXHMXP6MWRPT7QQXJ7ICANGU4H3VNR2MR'],
    [USER, EPOCH, 'KFPBSVH4IAY2WGHGC7DD', '2PLMNLK44EUTV3X4AIUH253HG2VJ7VVIZTMXDJJE'],
    [
      'profile-team-b-01234567',
      0,
      'KFPAAAAAAABR7LIY6CUV',
      'XYZRRYB4UGZRAZEMB33GLLG6NESU2L4EYIVNZUM6'
    ]
  ]
  for (const [user, epoch, accessKeyId, secretAccessKey] of vectors) {
    t.test(`derives the known key of ${user} at epoch ${epoch}`, async (t) => {
      t.strictSame(accessKeyFor(ROOT, user, epoch), { accessKeyId, secretAccessKey })
    })
  }

  t.test('gives ids and secrets the shape that S3 clients expect', async (t) => {
    for (const epoch of [0, 1, 31, 32, EPOCH, MAX_EPOCH]) {
      const { accessKeyId, secretAccessKey } = accessKeyFor(ROOT, USER, epoch)
      t.match(accessKeyId, /^KFP[A-Z2-7]{17}$/)
      t.match(secretAccessKey, /^[A-Z2-7]{40}$/)
    }
  })

  const epochs: [epoch: number, characters: string][] = [
    [0, 'AAAAAAA'],
    [1, 'AAAAAAB'],
    [31, 'AAAAAA7'],
    [32, 'AAAAABA'],
    [EPOCH, 'BSVH4IA'],
    [MAX_EPOCH, '7777777']
  ]
  for (const [epoch, characters] of epochs) {
    t.test(`carries the epoch ${epoch} in clear in characters 4 to 10`, async (t) => {
      t.equal(accessKeyFor(ROOT, USER, epoch).accessKeyId.slice(3, 10), characters)
    })
  }

  t.test('gives other roots, users and epochs other keys in every part', async (t) => {
    const keys = [
      accessKeyFor(ROOT, USER, 0),
      accessKeyFor(OTHER_ROOT, USER, 0),
      accessKeyFor(ROOT, 'profile-team-a-01234568', 0),
      accessKeyFor(ROOT, USER, 1)
    ]
    const macs = keys.map(({ accessKeyId }) => accessKeyId.slice(10))
    const secrets = keys.map(({ secretAccessKey }) => secretAccessKey)
    t.equal(new Set(macs).size, keys.length)
    t.equal(new Set(secrets).size, keys.length)
    t.notOk(secrets.some((secret, index) => secret.includes(macs[index] ?? '')))
  })
})

t.test('epochOf', async (t) => {
  const { accessKeyId } = accessKeyFor(ROOT, USER, EPOCH)

  t.test('reads the epoch of an id of this user', async (t) => {
    for (const epoch of [0, 1, EPOCH, MAX_EPOCH]) {
      t.equal(epochOf(ROOT, USER, accessKeyFor(ROOT, USER, epoch).accessKeyId), epoch)
    }
  })

  t.test('does not know ids of other users and other root keys', async (t) => {
    t.equal(epochOf(ROOT, 'profile-team-b-01234567', accessKeyId), undefined)
    t.equal(epochOf(OTHER_ROOT, USER, accessKeyId), undefined)
  })

  t.test('does not know an id with any one character edited', async (t) => {
    for (let index = 0; index < accessKeyId.length; index += 1) {
      t.equal(epochOf(ROOT, USER, edited(accessKeyId, index)), undefined, `character ${index + 1}`)
    }
  })

  const strange = [
    '',
    'KFP',
    'FAKEUPSTREAM0001',
    accessKeyId.slice(0, -1),
    `${accessKeyId}A`,
    accessKeyId.toLowerCase(),
    ` ${accessKeyId}`,
    `${accessKeyId}\n`,
    accessKeyId.replace('KFP', 'AKI'),
    `KFP0000000${accessKeyId.slice(10)}`
  ]
  for (const text of strange) {
    t.test(`does not know ${JSON.stringify(text)}`, async (t) => {
      t.equal(epochOf(ROOT, USER, text), undefined)
    })
  }
})

t.test('epochOfPair', async (t) => {
  const pair = accessKeyFor(ROOT, USER, EPOCH)

  t.test('reads the epoch of a pair of this user', async (t) => {
    t.equal(epochOfPair(ROOT, USER, pair), EPOCH)
    t.equal(epochOfPair(ROOT, USER, accessKeyFor(ROOT, USER, 0)), 0)
  })

  t.test('does not know pairs of other users and other root keys', async (t) => {
    t.equal(epochOfPair(ROOT, 'profile-team-b-01234567', pair), undefined)
    t.equal(epochOfPair(OTHER_ROOT, USER, pair), undefined)
  })

  t.test('does not know a pair with an edited id', async (t) => {
    const accessKeyId = edited(pair.accessKeyId, 19)
    t.equal(epochOfPair(ROOT, USER, { ...pair, accessKeyId }), undefined)
  })

  t.test('does not know a pair with any one character of the secret edited', async (t) => {
    for (let index = 0; index < pair.secretAccessKey.length; index += 1) {
      const secretAccessKey = edited(pair.secretAccessKey, index)
      const epoch = epochOfPair(ROOT, USER, { ...pair, secretAccessKey })
      t.equal(epoch, undefined, `character ${index + 1}`)
    }
  })

  t.test('does not know a secret of another length or another epoch', async (t) => {
    const secrets = [
      '',
      pair.secretAccessKey.slice(0, -1),
      `${pair.secretAccessKey}A`,
      accessKeyFor(ROOT, USER, 0).secretAccessKey
    ]
    for (const secretAccessKey of secrets) {
      t.equal(epochOfPair(ROOT, USER, { ...pair, secretAccessKey }), undefined)
    }
  })
})

t.test('sealFor', async (t) => {
  const KEY_ID = 'KFPAAAAAAAWMKTBD5L2G'
  const POLICY = 'profile-own-bucket-d3d046ef'

  // Computed once by another HKDF. If one of these changes, every key in every cluster is proven anew.
  const vectors: [
    accessKeyId: string,
    policyName: string,
    state: CredentialsState,
    seal: string
  ][] = [
    [KEY_ID, POLICY, 'settling', 'PPV6IMGDFURS44OLFO64'],
    [KEY_ID, POLICY, 'settled', 'ON2WQBYIELMPVYPU5XP5'],
    [
      'KFPBSVH4IAY2WGHGC7DD',
      'profile-team-a-01234567-10281156',
      'settling',
      'YHVBPPW7UHATNZSIXICZ'
    ],
    ['KFPBSVH4IAY2WGHGC7DD', 'profile-team-a-01234567-10281156', 'settled', 'SVJQ3NGOSBUT32NQZHFH']
  ]
  for (const [accessKeyId, policyName, state, seal] of vectors) {
    t.test(`derives the known seal of ${accessKeyId}, ${state} under ${policyName}`, async (t) => {
      t.equal(sealFor(ROOT, accessKeyId, policyName, state), seal)
    })
  }

  t.test('differs by root key, key id, policy name and state', async (t) => {
    const seals = [
      sealFor(ROOT, KEY_ID, POLICY, 'settling'),
      sealFor(ROOT, KEY_ID, POLICY, 'settled'),
      sealFor(OTHER_ROOT, KEY_ID, POLICY, 'settling'),
      sealFor(ROOT, 'KFPBSVH4IAY2WGHGC7DD', POLICY, 'settling'),
      sealFor(ROOT, KEY_ID, 'profile-own-bucket-d3d046e0', 'settling')
    ]
    t.equal(new Set(seals).size, seals.length)
    for (const seal of seals) t.match(seal, /^[A-Z2-7]{20}$/)
  })

  t.test('shows nothing of the key that it seals', async (t) => {
    const { accessKeyId, secretAccessKey } = accessKeyFor(ROOT, USER, 0)
    const seal = sealFor(ROOT, accessKeyId, POLICY, 'settled')
    t.notOk(secretAccessKey.includes(seal.slice(0, 10)))
    t.notOk(accessKeyId.includes(seal.slice(0, 10)))
  })
})

t.test('standingOf', async (t) => {
  const before = { rootKey: OTHER_ROOT, previousRootKey: undefined }
  const changed = { rootKey: ROOT, previousRootKey: OTHER_ROOT }
  const idOf = (root: Buffer, epoch: number) => accessKeyFor(root, USER, epoch).accessKeyId
  const rankOf = (accessKeyId: string) => standingOf(changed, USER, accessKeyId)?.rank ?? Number.NaN

  t.test('knows the keys of both root keys, with their epochs', async (t) => {
    for (const root of [ROOT, OTHER_ROOT]) {
      for (const epoch of [0, EPOCH, MAX_EPOCH]) {
        t.equal(standingOf(changed, USER, idOf(root, epoch))?.epoch, epoch)
      }
    }
    t.equal(standingOf(before, USER, idOf(ROOT, 0)), undefined)
    t.equal(standingOf(changed, 'profile-team-b-01234567', idOf(ROOT, 0)), undefined)
    t.equal(standingOf(changed, USER, 'MADEBYATENANT'), undefined)
  })

  t.test('puts every key of the current root key before all of the previous one', async (t) => {
    t.ok(rankOf(idOf(ROOT, 0)) > rankOf(idOf(OTHER_ROOT, MAX_EPOCH)))
  })

  t.test('puts later keys of one root key before earlier ones', async (t) => {
    for (const root of [ROOT, OTHER_ROOT]) {
      t.ok(rankOf(idOf(root, EPOCH)) > rankOf(idOf(root, 0)))
      t.ok(rankOf(idOf(root, MAX_EPOCH)) > rankOf(idOf(root, EPOCH)))
    }
  })
})

t.test('epochInForce', async (t) => {
  const table: [what: string, asked: number, seen: (number | undefined)[], inForce: number][] = [
    ['is what is asked when nothing was seen', 7, [], 7],
    ['is what is asked when nothing was authenticated', 7, [undefined, undefined], 7],
    ['is what is asked when that is newest', 7, [3, undefined, 5], 7],
    ['never goes back behind what was seen', 0, [undefined, 3, 5, 4], 5],
    ['starts at zero', 0, [], 0]
  ]
  for (const [what, asked, seen, inForce] of table) {
    t.test(what, async (t) => {
      t.equal(epochInForce(asked, seen), inForce)
    })
  }
})

t.test('secretDigestOf', async (t) => {
  const keys = { rootKey: ROOT, previousRootKey: OTHER_ROOT }
  for (const issuedBy of [ROOT, OTHER_ROOT]) {
    const { accessKeyId, secretAccessKey } = accessKeyFor(issuedBy, USER, EPOCH)
    const standing = standingOf(keys, USER, accessKeyId)
    t.equal(standing && secretDigestOf(keys, USER, standing), digestOf(secretAccessKey))
  }
})
