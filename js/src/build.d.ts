/** Put in by the build. */
declare const __TIM_HASH__: string;
/** The wasm's URL, relative to the script that loads it. */
declare const __TIM_WASM__: string;
/** No module system asked for the script, so it has to install TIM. */
declare const __TIM_TAG__: boolean;
/** The script is served by a gateway. */
declare const __TIM_SERVED__: boolean;
/** Node is one of the script's hosts. */
declare const __TIM_NODE__: boolean;
