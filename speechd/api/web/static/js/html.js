/** Preact and htm as one import: `html` makes elements, text in it is always text. */
import htm from "htm";
import { h } from "preact";

export { render } from "preact";
export { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";

export const html = htm.bind(h);
