import type { Registries } from "../core/ports/registries.js";
import type { StoreLayout } from "./store-layout.js";

/** For who needs nothing of a store. */
export const REGISTRIES: Pick<Registries, "login" | "logout" | "tags" | "remove"> = {
  tags: async (...parts) => (await import("./registry/remote-images.js")).remoteTags(...parts),
  remove: async (...parts) => (await import("./registry/remote-images.js")).removeManifest(...parts),
  login: async (...parts) => (await import("./registry/login.js")).login(...parts),
  logout: async (registry) => (await import("./registry/login.js")).logout(registry),
};

/** What speaks to them is loaded with the first word to one. */
export function registriesAt(layout: StoreLayout): Registries {
  return {
    ...REGISTRIES,
    open: async (...parts) => (await import("./registry/registry-images.js")).openRegistryImage(layout, ...parts),
    push: async (...parts) => (await import("./registry/registry-images.js")).pushImage(layout, ...parts),
  };
}
