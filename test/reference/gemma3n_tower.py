"""timm's encoder gives features of one width, 2048, and changes the list of its blocks. Tiny checkpoints have others of both."""

from copy import deepcopy

from timm.models import mobilenetv5

ADAPTER = mobilenetv5.MobileNetV5MultiScaleFusionAdapter
GENERATE = mobilenetv5._gen_mobilenet_v5


def narrow(width):
    """Lets the encoders that timm makes from now on give features of this width, and leave what they are made of as it is."""

    class Adapter(ADAPTER):
        def __init__(self, *arguments, out_chs, **settings):
            super().__init__(*arguments, out_chs=width, **settings)

    mobilenetv5.MobileNetV5MultiScaleFusionAdapter = Adapter
    mobilenetv5._gen_mobilenet_v5 = lambda *arguments, **settings: GENERATE(*arguments, **deepcopy(settings))
