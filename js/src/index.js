import { makeFacade } from './facade.js';
import { page } from './page.js';

// Bundlers know this form and copy the file.
const { TIM, load } = makeFacade(page({ wasm: () => new URL('./dist/tim.wasm', import.meta.url).href }));
const { create, EVENT, TSignaling, TYPES, VERSION } = TIM;

export default TIM;
export { TIM, create, load, EVENT, TSignaling, TYPES, VERSION };
