// In place of libcurl on a board: RAUC links it for bundles from the network, and here a bundle is always a file that has been
// handed in. The library and what it brings (GnuTLS, Kerberos, LDAP, HTTP/3 …) would be 4 MiB of code that talks to a network
// and that nobody calls. Every call fails; initialising does not, because RAUC does that unasked.
#define FAILS(name) int name(void) { return 1; }
#define GIVES_NOTHING(name) void *name(void) { return 0; }
int curl_global_init(void) { return 0; }
void curl_easy_cleanup(void) {}
void curl_slist_free_all(void) {}
GIVES_NOTHING(curl_easy_init)
GIVES_NOTHING(curl_multi_init)
GIVES_NOTHING(curl_multi_info_read)
GIVES_NOTHING(curl_slist_append)
const char *curl_easy_strerror(void) { return "this firmware takes bundles from its own file system only"; }
long curl_getdate(void) { return -1; }
FAILS(curl_easy_getinfo)
FAILS(curl_easy_setopt)
FAILS(curl_multi_add_handle)
FAILS(curl_multi_cleanup)
FAILS(curl_multi_perform)
FAILS(curl_multi_remove_handle)
FAILS(curl_multi_wait)
