//! Whether this boot is kept: what must hold before it is blessed, and what is written down when it does not.
