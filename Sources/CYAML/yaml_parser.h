/* libyaml, which reads YAML 1.1, as a module. */
#include <yaml.h>
