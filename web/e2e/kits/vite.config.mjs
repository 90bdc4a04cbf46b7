// Builds the pages of the kits: `make kits`. What a kit imports of the SDK is
// watched.js in front of the built package.
import vue from '@vitejs/plugin-vue';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const watched = here('../lib/watched.js');

export default defineConfig({
  base: './',
  plugins: [vue()],
  logLevel: 'error',
  css: { preprocessorOptions: { scss: { silenceDeprecations: ['import', 'mixed-decls', 'global-builtin', 'color-functions'] } } },
  resolve: {
    preserveSymlinks: true, // as if the package had been installed, and not linked
    alias: [
      { find: /^@tencentcloud\/(chat|lite-chat|lite-chat\/basic)$/, replacement: watched },
      { find: 'tim-wasm', replacement: here('node_modules/@tencentcloud/lite-chat/index.mjs') },
    ],
  },
  build: {
    minify: false,
    emptyOutDir: true,
  },
});
