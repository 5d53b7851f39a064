import type { IAMClient } from '@aws-sdk/client-iam'
import type { Test } from 'tap'
import { applyManifests, type Controller, type Platform, startPlatform } from './platform.ts'
import { type Service, startService } from './service.ts'
import { adminIam } from './store-view.ts'
import { type Tenant, type TenantClient, tenantOf } from './tenant.ts'
import { until } from './until.ts'

/** Our service, installed. */
export interface Installation {
  readonly platform: Platform
  readonly service: Service
  readonly iam: IAMClient
  tenant(name: string): Tenant
}

export interface Team {
  readonly team: Tenant
  readonly client: TenantClient
}

/** Waits in a test are as long as these. */
export const SYNC_BUDGET_SECONDS = 5
export const GRACE_SECONDS = 12
const ENVIRONMENT = {
  SYNC_BUDGET: `${SYNC_BUDGET_SECONDS}s`,
  CREDENTIAL_GRACE: `${GRACE_SECONDS}s`
}

/** Undefined after the test was skipped for lack of something. */
export async function install(t: Test, controller: Controller): Promise<Installation | undefined> {
  const platform = await startPlatform(t)
  if (platform === undefined) return undefined
  const service = await startService(platform, ENVIRONMENT)
  await applyManifests(platform, controller, service.url)
  await platform.startMetacontroller()
  return {
    platform,
    service,
    iam: adminIam(platform.seaweedFs),
    tenant: (name) => tenantOf(platform, controller, name)
  }
}

/** A team that has been there for a while and has written `model`. */
export async function settled({ tenant }: Installation, name: string): Promise<Team> {
  const team = tenant(name)
  await team.arrive()
  const client = await until(`${name} can write`, async () => {
    const client = await team.client()
    await client?.put('model')
    return client
  })
  await team.untilSettled()
  return { team, client }
}
