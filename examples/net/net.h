/* A small kit for neural networks on OpenCL, to show what normalization does in them: clnorm's layers by its public headers,
 * matrix products by CLBlast. Read net_model.h first. */
#ifndef CLNORM_EXAMPLES_NET_H
#define CLNORM_EXAMPLES_NET_H

#include "net_data.h"
#include "net_device.h"
#include "net_init.h"
#include "net_layers.h"
#include "net_loss.h"
#include "net_model.h"
#include "net_optimizer.h"
#include "net_random.h"
#include "net_schedule.h"
#include "net_tensor.h"

#endif
