import type { IAMClient } from '@aws-sdk/client-iam'
import type { Test } from 'tap'
import { applyManifests, type Controller, type Platform, startPlatform } from './platform.ts'
import { type Service, startService } from './service.ts'
import { adminIam } from './store-view.ts'
import { type Tenant, tenantOf } from './tenant.ts'

/** Our service, installed. */
export interface Installation {
  readonly platform: Platform
  readonly service: Service
  readonly iam: IAMClient
  tenant(name: string): Tenant
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
