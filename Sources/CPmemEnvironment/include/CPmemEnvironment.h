#ifndef CPMEMENVIRONMENT_H
#define CPMEMENVIRONMENT_H

/* Nothing to call: see scrub.c. */

#endif
