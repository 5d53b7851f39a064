/** A user as the store has it, with everything that gives it rights. */
export interface Identity {
  readonly accessKeys: readonly { readonly accessKeyId: string; readonly isActive: boolean }[]
  /** Names of the attached managed policies. */
  readonly policies: readonly string[]
  readonly inlinePolicies: readonly string[]
  readonly groups: readonly string[]
}
