import { loadError } from '../src/error.js';
import { makeFacade } from '../src/facade.js';
import { run } from '../src/runtime.js';
import { makeScope } from './scope.js';

/** Where "build npm" puts the file, from the root of the mini program. */
const WASM = '/miniprogram_npm/tim-wasm/tim.wasm.br';

/** @returns {any} the API object of the shell this runs in */
function findHost() {
  if (typeof wx === 'object') return wx;
  if (typeof tt === 'object') return tt;
  throw new Error('this does not look like a mini program: pass its API object, load({ host: wx })');
}

/** @returns {any} */
function findAssembly() {
  if (typeof WXWebAssembly === 'object') return WXWebAssembly;
  if (typeof TTWebAssembly === 'object') return TTWebAssembly;
  throw new Error('WXWebAssembly is missing: use base library 2.14.0 (wx) or 2.92 (tt) or newer');
}

const { TIM, load } = makeFacade({
  inPage: () => false,
  async start(settings) {
    const path = String(settings.wasm || WASM);
    try {
      const host = settings.host || findHost();
      const assembly = findAssembly();
      const { scope, release } = await makeScope(host);
      return await run(
        scope,
        async (imports) => {
          const result = await assembly.instantiate(path, imports);
          return result.instance || result; // hosts differ
        },
        release,
      );
    } catch (problem) {
      throw loadError(path, problem);
    }
  },
});

export default TIM;
export { TIM, load };
export const { create, EVENT, TSignaling, TYPES, VERSION } = TIM;
