/* SPDX-License-Identifier: BSD-2-Clause */
/* How is a socket named to libp11-kit's client? By an environment variable, which it reads when it is asked for its functions. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include "tests/served.h"

CK_FUNCTION_LIST *served_client(const char *socket)
{
        static const char so[] = HF_P11KIT_MODULES "/p11-kit-client.so";
        CK_RV (*get)(CK_FUNCTION_LIST **list) = NULL;
        CK_FUNCTION_LIST *list;
        char where[200];
        void *module;

        snprintf(where, sizeof(where), "unix:path=%s", socket);
        setenv("P11_KIT_SERVER_ADDRESS", where, 1);
        module = dlopen(so, RTLD_NOW);
        if (module != NULL)
                *(void **)&get = dlsym(module, "C_GetFunctionList");
        if (get == NULL || get(&list) != CKR_OK) {
                fprintf(stderr, "%s: %s\n", so, dlerror());
                exit(EXIT_FAILURE);
        }
        return list;
}
