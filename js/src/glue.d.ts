/**
 * Go's own wasm_exec.js, wrapped by the build into a function: the scope takes
 * the place of globalThis, so that nothing of it is visible outside.
 */
export declare function glue(scope: any): any;
