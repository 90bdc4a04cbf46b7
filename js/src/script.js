// The script tag and, as UMD, everything that does not know ES modules. The
// build wraps it: __TIM_TAG__ is true when no module system asked for it.
import { makeFacade } from './facade.js';
import { page } from './page.js';

/** @type {any} */
const tag = __TIM_TAG__ && typeof document === 'object' ? document.currentScript : null;
const base = tag && tag.src;

const { TIM, load } = makeFacade(
  page({
    wasm: () => {
      if (base) return new URL(__TIM_WASM__, base).href;
      // CommonJS in Node; a bundler's __dirname is not one of our folders.
      if (__TIM_NODE__ && !__TIM_TAG__ && typeof process === 'object' && process.getBuiltinModule && typeof __dirname === 'string') {
        return process.getBuiltinModule('url').pathToFileURL(`${__dirname}/${__TIM_WASM__}`).href;
      }
      return '';
    },
    // A page that loads the script from a gateway logs in to that gateway.
    proxyServer: (tag && (tag.dataset.proxyServer || (__TIM_SERVED__ && new URL(base).origin))) || undefined,
  }),
);

export default TIM;
export { TIM, load };
export const { create, EVENT, TSignaling, TYPES, VERSION } = TIM;

if (__TIM_TAG__) {
  Object.defineProperty(TIM, 'load', { value: load });
  /** @type {any} */
  const scope = self;
  scope.TIM = TIM;
  const id = tag && tag.dataset.sdkappid;
  if (id) scope.tim = TIM.create({ SDKAppID: id });
}
