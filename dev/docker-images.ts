import type { ContainerRuntimeClient } from 'testcontainers'

type Docker = ContainerRuntimeClient['container']['dockerode']

/** A registry that can be reached has named the image long before. */
const PULL_ANSWER_MS = 8_000

/** Looks for it here first; a registry that stays silent counts as one that cannot be reached. */
export async function hasImage(
  { image, container: { dockerode } }: ContainerRuntimeClient,
  name: string,
  onProgress: (line: string) => void = () => {}
): Promise<boolean> {
  const { ImageName } = await import('testcontainers')
  if (await image.exists(ImageName.fromString(name))) return true
  try {
    await pull(dockerode, ImageName.fromString(name).string, () => onProgress(`pulling ${name}`))
    return true
  } catch {
    return false
  }
}

/**
 * Ryuk, the helper of testcontainers that removes what a killed process left behind, is an image too.
 * Without it `stop()` and the end of this process do the removing.
 */
export async function forgoReaperIfMissing(client: ContainerRuntimeClient): Promise<void> {
  if (process.env['TESTCONTAINERS_RYUK_DISABLED'] === 'true') return
  const { getReaperImage } = await import('testcontainers/build/reaper/reaper.js')
  if (await hasImage(client, getReaperImage())) return
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
}

/** Pulls without a limit of time once the registry has answered. */
async function pull(docker: Docker, name: string, onAnswer: () => void): Promise<void> {
  const silence = new AbortController()
  const timer = setTimeout(() => silence.abort(), PULL_ANSWER_MS)
  const progress = await docker
    .pull(name, { abortSignal: silence.signal })
    .finally(() => clearTimeout(timer))
  onAnswer()
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()))
  })
}
