"""The default net: the paper's shape (five convolutions, then fully connected) at 128 px and ten classes.

Every kernel and every pooling window is a multiple of its stride, so each input pixel is seen by the same number of
filters; a 7x7 kernel with stride 2, or 3x3 pooling with stride 2, leaves a grid in every saliency map.
Batch-norm exists in training only: export.py folds it into the weights.
"""
import torch.nn as nn

INPUT = 128
CONVOLUTIONS = [  # name, in, out, kernel, stride, pad, then max-pool 2x2?
    ('conv1', 3, 32, 6, 2, 2, True),
    ('conv2', 32, 64, 5, 1, 2, True),
    ('conv3', 64, 160, 3, 1, 1, False),
    ('conv4', 160, 160, 3, 1, 1, False),
    ('conv5', 160, 160, 3, 1, 1, True),
]
FEATURES = 160 * 8 * 8
HIDDEN = 256
CLASSES = 10


class Net(nn.Module):
    def __init__(self, hidden=HIDDEN):
        super().__init__()
        for name, c, o, kernel, stride, pad, _ in CONVOLUTIONS:
            setattr(self, name, nn.Conv2d(c, o, kernel, stride, pad, bias=False))
            setattr(self, name + '_bn', nn.BatchNorm2d(o))
            nn.init.kaiming_normal_(getattr(self, name).weight, mode='fan_out')
        self.fc6 = nn.Linear(FEATURES, hidden, bias=False)
        self.fc6_bn = nn.BatchNorm1d(hidden)
        self.fc7 = nn.Linear(hidden, CLASSES)
        self.drop6, self.drop7 = nn.Dropout(0.4), nn.Dropout(0.3)
        self.pool, self.relu = nn.MaxPool2d(2), nn.ReLU(inplace=True)

    def forward(self, x):
        for name, *_, pooled in CONVOLUTIONS:
            x = self.relu(getattr(self, name + '_bn')(getattr(self, name)(x)))
            if pooled:
                x = self.pool(x)
        x = self.relu(self.fc6_bn(self.fc6(self.drop6(x.flatten(1)))))
        return self.fc7(self.drop7(x))
