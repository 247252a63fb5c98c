from accounts.views import Router
from budgets.api import BudgetViewSet

router = Router()
router.register("budgets", BudgetViewSet, basename="budget")
urlpatterns = router.urls
