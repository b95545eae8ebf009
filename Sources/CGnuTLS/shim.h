/* First, or this module would own what it includes of the C library, and a file that imports Glibc
   alone would miss it, depending on which of the two the compiler meets first. */
#pragma clang module import SwiftGlibc

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
