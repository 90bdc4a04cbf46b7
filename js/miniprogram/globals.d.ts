// What the shells provide; each may be missing.
declare const wx: any;
declare const tt: any;
declare const WXWebAssembly: any;
declare const TTWebAssembly: any;
