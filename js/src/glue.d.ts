/**
 * Go's own wasm_exec.js, unmodified, wrapped by the build into a function: the
 * scope takes the place of globalThis, so that Go, fs and process stay inside.
 */
export declare function glue(scope: any): any;
