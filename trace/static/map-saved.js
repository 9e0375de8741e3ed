// The page of an area is only reached from its form once the server has the boundary: the copy on this device has done its work.

import { forgetSent } from "./map-draft.js";

forgetSent();
