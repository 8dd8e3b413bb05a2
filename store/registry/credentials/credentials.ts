/** Who a registry takes us for. Secrets: they stand in no message, and go to the registry that they were kept for. */
export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** What the token server gave at login in place of keeping the password. */
  | { readonly kind: "identity"; readonly token: string }
  /** A token for the registry itself, got elsewhere. */
  | { readonly kind: "registry-token"; readonly token: string };

/** Asked when a registry wants to know, not before. @param repository Podman keeps some for parts of a registry. */
export type CredentialSource = (registry: string, repository: string | undefined) => Promise<Credentials | undefined>;

/** What a header may hold, and a helper's line. */
export function isSendable(text: string): boolean {
  return /^[^\u0000-\u001f\u007f]*$/.test(text);
}
