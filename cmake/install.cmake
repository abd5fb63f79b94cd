# Installation is exported as xgrad::xgrad.
