/* Losses, means over the batch, with the gradient at the logits. Sums of loss and of right answers stay on the device until
 * they are asked for. */
#ifndef CLNORM_EXAMPLES_NET_LOSS_H
#define CLNORM_EXAMPLES_NET_LOSS_H

#include "net_tensor.h"

typedef enum net_loss_kind {
  NET_SOFTMAX = 1,     /* softmax with cross-entropy; logits (N, classes), labels (N) int32_t */
  NET_SIGMOID_LOSS = 2 /* sigmoid with binary cross-entropy; logits and labels (N) or (N, 1), labels float 0 to 1; right
                          is logit > 0 where the label is above a half */
} net_loss_kind;

typedef struct net_loss {
  net_device *device;
  net_loss_kind kind;
  net_tensor rows;    /* loss and rightness of each sample */
  net_tensor totals;  /* sum of losses, right answers, samples */
  net_tensor dlogits; /* gradient of the mean loss of the last batch */
} net_loss;

void net_loss_make(net_loss *loss, net_device *device, net_loss_kind kind);
void net_loss_free(net_loss *loss);

/* Adds the batch to the sums. Returns &loss->dlogits. */
const net_tensor *net_loss_forward(net_loss *loss, const net_tensor *logits, const net_tensor *labels);

typedef struct net_score {
  double loss;     /* mean of the samples since the last reading */
  double accuracy; /* share of right answers, 0 to 1 */
  size_t samples;
} net_score;

/* Waits for the queue, gives the means since the last reading and starts anew. NaN if there was no sample or a failure. */
net_score net_loss_read(net_loss *loss);

#endif
